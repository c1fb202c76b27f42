import { z } from "zod";
import { bridgeAssistant } from "../shared/assistant-bridge.ts";
import { CommandError, defineCommand, exitCodes, runCommand, work } from "../shared/command-line.ts";

const command = defineCommand(
  "mcp",
  "Lets an assistant ask, by the Model Context Protocol over stdin and stdout, until it hangs up. It asks the HTTP server at API_URL with API_TOKEN, and sees what that token may see. Assistants start it themselves: docs/assistants.md.",
  ["API_TOKEN=$(npm run --silent token -- --role analyst) npm run --silent mcp"],
);

command.action(
  work(z.object({}), async ({ config, note }) => {
    const { apiUrl, token } = config.assistants;
    if (token === null)
      throw new CommandError(
        exitCodes.usage,
        "API_TOKEN is not set: `npm run --silent token -- --role analyst` prints a token",
      );
    // stdout is the assistant's: whatever is not a message of the protocol goes to stderr.
    const { stdin, stdout } = process;
    await bridgeAssistant({ apiUrl, token, stdin, stdout, note });
    return { document: null, lines: [] };
  }),
);

await runCommand(command);
