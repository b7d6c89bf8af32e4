export { rlds } from "./rlds.ts";
