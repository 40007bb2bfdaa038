// npm run permissions: writes docs/permissions.md anew, from the route tables.
import { writeFileSync } from "node:fs";
import { permissionsDocument } from "./lib/permissions.ts";

writeFileSync(new URL("../docs/permissions.md", import.meta.url), permissionsDocument());
