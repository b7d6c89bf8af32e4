import { type Attribute, type Dataset, File, type Group, ready } from "h5wasm/node";
import type { Expected } from "./truth.ts";

export type Found = Expected & { readonly bytes?: Uint8Array };

/** All datasets and attributes of a file by path ("path" or "path@attribute"), as the HDF5 library reads them. */
export async function contents(path: string, only = /./): Promise<Record<string, Found>> {
  await ready;
  const file = new File(path, "r");
  try {
    const found: Record<string, Found> = {};
    const visit = (name: string, thing: Group | Dataset) => {
      for (const [key, value] of Object.entries(thing.attrs)) {
        if (only.test(`${name}@${key}`)) found[`${name}@${key}`] = valuesOf(value);
      }
      if (thing.type === "Dataset") {
        if (only.test(name)) found[name] = valuesOf(thing as Dataset);
        return;
      }
      for (const key of (thing as Group).keys()) {
        const below = (thing as Group).get(key);
        if (below !== null && "attrs" in below) visit(name === "" ? key : `${name}/${key}`, below as Group);
      }
    };
    visit("", file);
    return found;
  } finally {
    file.close();
  }
}

function valuesOf(thing: Attribute | Dataset): Found {
  const shape = thing.shape ?? [];
  const value = thing.value as unknown;
  if (value instanceof Uint8Array) return { shape, bytes: value };
  const isBool = thing.metadata.enum_type !== undefined;
  const values = (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : [value].flat()).map((each) => {
    if (isBool) return Boolean(each);
    return typeof each === "bigint" ? each.toString() : (each as string | number);
  });
  return { shape, values };
}
