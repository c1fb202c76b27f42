import { fillsDemo } from "../demo/demo-command.ts";
import { adviceAlone } from "../demo/fill.ts";
import { defineCommand, runCommand } from "../shared/command-line.ts";

const command = defineCommand(
  "demo-opportunities",
  "Shows opportunities on a running local stack: campaigns in which something could be bought for less, one of each type, one that is cheap because few of its impressions are viewable, and one whose advice was followed four weeks ago. Running it again changes nothing. Needs `npm start`.",
  ["npm run demo:opportunities"],
);

await runCommand(fillsDemo(command, { days: 60, again: "npm run demo:opportunities", plan: adviceAlone }));
