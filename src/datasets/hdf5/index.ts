export { hdf5 } from "./hdf5.ts";
