import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Files below a folder, relative to the root with `/`, in name order; none where the folder is missing. */
export async function filesBelow(root: string, folder: string, pattern: RegExp): Promise<string[]> {
  const found: string[] = [];
  const walk = async (place: string): Promise<void> => {
    const entries = await readdir(join(root, place), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = place === "" ? entry.name : `${place}/${entry.name}`;
      if (entry.isDirectory()) await walk(path);
      else if (pattern.test(path)) found.push(path);
    }
  };
  await walk(folder);
  return found.sort();
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
