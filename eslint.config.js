import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * What may be read in one sitting: lines as they stand in the file, comments and blank ones with them. Production code
 * that is longer says why, by an eslint-disable comment with a reason (a test asks for the reason).
 */
function sizes({ file, function: most, parameters }) {
  return {
    "max-lines": ["error", { max: file, skipBlankLines: false, skipComments: false }],
    "max-lines-per-function": ["error", { max: most, skipBlankLines: false, skipComments: false, IIFEs: true }],
    "max-params": ["error", parameters],
  };
}

export default defineConfig(
  globalIgnores(["dist/", ".dist.*/", "coverage/", ".signal-room/", "node_modules/"]),
  tseslint.configs.recommended,
  {
    files: ["**/*.ts", "**/*.tsx"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...sizes({ file: 400, function: 80, parameters: 4 }),
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "off",
    },
  },
  {
    // A describe() is a function, and a file of tests holds what one subject needs: looser, but not without end.
    files: ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts"],
    rules: sizes({ file: 1_050, function: 250, parameters: 6 }),
  },
  {
    // Workflow code is replayed: anything that differs between two machines or two moments breaks a running history.
    files: ["workflows/**/*.ts"],
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["node:*"], message: "Workflows run in a sandbox: do it in an activity." }] },
      ],
      "no-restricted-globals": ["error", "process", "Buffer", "fetch", "Intl", "performance"],
    },
  },
);
