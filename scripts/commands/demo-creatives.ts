import { fillsDemo } from "../demo/demo-command.ts";
import { creativesAlone } from "../demo/fill.ts";
import { defineCommand, runCommand } from "../shared/command-line.ts";

const command = defineCommand(
  "demo-creatives",
  "Shows creatives on a running local stack: the seats of the mock Google Authorized Buyers are discovered and synced, reports on their creatives are imported, and campaigns are found among them. It is the part of `npm run demo` that is about creatives; running it again changes nothing. Needs `npm start`.",
  ["npm run demo:creatives", "npm run demo:creatives -- --days 14"],
);

await runCommand(fillsDemo(command, { days: 30, again: "npm run demo:creatives", plan: creativesAlone }));
