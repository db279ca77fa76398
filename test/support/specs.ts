import { readdirSync } from "node:fs";

/** The specs of the library, without the device files beside them. */
export const specNames: readonly string[] = readdirSync("specs").filter(name => name.endsWith(".cnx"));
