// Validates JSON against a schema: `node validate.mjs SCHEMA.json FILE…`; a file that ends with .ndjson has one value a line.
// Who reads the schema has to pass over fields that are new; here a field that the schema does not name is a fault of the schema.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv = require("ajv/dist/2020").default;
const formats = require("ajv-formats").default;

const [schema, ...files] = process.argv.slice(2);
const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
formats(ajv);
function close(part, isRoot = true) {
  if (Array.isArray(part)) return part.forEach((one) => close(one, false));
  if (part === null || typeof part !== "object") return;
  const isWhole = part.type === "object" && part.properties && !part.oneOf && !part.allOf && part.additionalProperties === undefined;
  for (const [key, value] of Object.entries(part)) {
    // What is one of several parts of an object doesn't name the others' fields.
    const isPart = ["oneOf", "allOf", "if", "then"].includes(key);
    if (!isPart) close(value, false);
    else for (const one of [value].flat()) for (const inner of Object.values(one)) close(inner, false);
  }
  if (part.type === "object" && (part.oneOf || part.allOf)) part.unevaluatedProperties = false;
  else if (isWhole) part.unevaluatedProperties = false;
}
const published = JSON.parse(readFileSync(schema, "utf8"));
close(published);
const validate = ajv.compile(published);
let faults = 0, values = 0;
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const all = file.endsWith(".ndjson") ? text.split("\n").filter(Boolean) : [text];
  for (const [index, value] of all.entries()) {
    values += 1;
    if (validate(JSON.parse(value)) || ++faults > 10) continue;
    console.error(`${file}, value ${index + 1}: ${ajv.errorsText(validate.errors.slice(0, 5))}\n${value.slice(0, 300)}`);
  }
}
console.log(`${values} values are valid`);
process.exit(faults ? 1 : 0);
