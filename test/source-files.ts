import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

const root = path.dirname(import.meta.dirname);

/** Where a statement names a table: behind a word of SQL. */
const namedTable = /\b(?:from|join|into|update|table|using|lock)\s+(?:only\s+)?([a-z_]+)\.([a-z_]+)\b/gi;

export interface Import {
  line: number;
  from: string;
  typeOnly: boolean;
}

export interface Parsed {
  imports: Import[];
  /** Lines that read process.env. */
  environment: number[];
  /** Lines that make a path of a URL without decoding it. */
  undecoded: number[];
  /** Tables that its texts name, `schema.table`. */
  tables: { line: number; schema: string; table: string }[];
}

/** What a file imports, what it reads from outside, and which tables its statements name. */
export function parseFile(file: string, text: string): Parsed {
  const source = ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    file.endsWith(".tsx") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );
  const found: Parsed = { imports: [], environment: [], undecoded: [], tables: [] };
  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const add = (node: ts.Node, from: ts.Node | undefined, typeOnly: boolean) => {
    if (from !== undefined && ts.isStringLiteralLike(from))
      found.imports.push({ line: lineOf(node), from: from.text, typeOnly });
  };
  const ownUrls = new Set<string>();
  const isOwnUrl = (node: ts.Node) =>
    ts.isIdentifier(node) ? ownUrls.has(node.text) : node.getText().includes("import.meta.url");
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && /^new URL\(.*import\.meta\.url/s.test(node.initializer?.getText() ?? ""))
      ownUrls.add(node.name.getText());
    if (ts.isImportDeclaration(node)) {
      const { importClause: clause } = node;
      const named = clause?.namedBindings;
      const eachIsType =
        clause?.name === undefined &&
        named !== undefined &&
        ts.isNamedImports(named) &&
        named.elements.length > 0 &&
        named.elements.every((one) => one.isTypeOnly);
      add(node, node.moduleSpecifier, clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || eachIsType);
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true);
    } else if (ts.isPropertyAccessExpression(node) && node.getText() === "process.env") {
      found.environment.push(lineOf(node));
    } else if (ts.isPropertyAccessExpression(node) && node.name.text === "pathname" && isOwnUrl(node.expression)) {
      found.undecoded.push(lineOf(node));
    } else if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      for (const [, schema = "", table = ""] of node.text.matchAll(namedTable))
        found.tables.push({ line: lineOf(node), schema, table });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Every source file below a folder, tests left out: they may look anywhere. */
export function sourceFiles(folder = ""): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith(".") ||
        ["node_modules", "dist", "coverage", "test"].includes(file) ||
        file.startsWith("dist.")
        ? []
        : sourceFiles(file);
    return /\.tsx?$/.test(entry.name) && !isTest(file) ? [file] : [];
  });
}

function isTest(file: string): boolean {
  return /\.(test|d)\.tsx?$/.test(file);
}

export function readSource(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}
