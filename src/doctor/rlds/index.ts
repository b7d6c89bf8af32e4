export { examineRlds } from "./rlds.ts";
