// Lists what every package of the bill of materials is licensed under, and fails when one is not on the list.
// node .ci/licences.mjs <sbom.cdx.json> <list.txt>
import { readFile, writeFile } from "node:fs/promises";

/** All leave us free to use, change and pass on; none asks for our own sources. */
const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "CC-BY-4.0",
  "ISC",
  "MIT",
  "MIT-0",
  // Of its own files only: axe-core, which tests alone use and nothing is built from.
  "MPL-2.0",
  "Python-2.0",
  "Unlicense",
]);
/** They say it in their README or LICENSE and not in package.json. */
const saidElsewhere = { "humanize-number": "MIT", only: "MIT", unionfs: "Unlicense" };

const [sbomFile, listFile] = process.argv.slice(2);
const { components } = JSON.parse(await readFile(sbomFile, "utf8"));

function nameOf({ group, name }) {
  return group === undefined || name.startsWith("@") ? name : `${group}/${name}`;
}

function licenceOf(component) {
  const named = (component.licenses ?? []).map(({ license, expression }) => expression ?? license?.id ?? license?.name);
  return named.length === 0 ? (saidElsewhere[nameOf(component)] ?? "none") : named.join(" AND ");
}

/** "A OR B" needs one of them, "A AND B" both. */
function isAllowed(expression) {
  return expression
    .replaceAll(/[()]/g, " ")
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((licence) => allowed.has(licence.trim())));
}

const lines = components
  .map((component) => ({ name: `${nameOf(component)}@${component.version}`, licence: licenceOf(component) }))
  .sort((one, other) => (one.name < other.name ? -1 : 1));
await writeFile(listFile, lines.map(({ name, licence }) => `${licence}\t${name}\n`).join(""));

const refused = lines.filter(({ licence }) => !isAllowed(licence));
for (const { name, licence } of refused) console.error(`${name}: ${licence}`);
console.log(
  `${lines.length} packages, ${new Set(lines.map(({ licence }) => licence)).size} licences, ${refused.length} not on the list`,
);
process.exitCode = refused.length > 0 ? 1 : 0;
