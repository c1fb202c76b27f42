import { fillsDemo } from "../demo/demo-command.ts";
import { defineCommand, runCommand } from "../shared/command-line.ts";

const command = defineCommand(
  "demo",
  "Fills a running local stack with three months of made-up data in every area, from the mock vendors and through the same paths as real data. Running it again changes nothing. `npm run purge -- --sandbox` deletes it. Needs `npm start`. What has a real key is left out.",
  ["npm run demo", "npm run demo -- --days 14"],
);

await runCommand(fillsDemo(command, { days: 90, again: "npm run demo" }));
