import { z } from "zod";
import { allowPage } from "../../api/server/access.ts";
import { stopReading } from "../../api/server/slow-bodies.ts";
import { PageHead } from "../components/parts.tsx";
import { call, page } from "../shared/page.tsx";
import { keepers, type Web } from "../shared/web.ts";
import { previews } from "./answers.ts";

/** A file is sent here, looked at on the page of its preview, and imported from there. */
export async function uploadPages(web: Web): Promise<void> {
  page(web, { url: "/files/upload", who: keepers }, () =>
    Promise.resolve({
      title: "Upload a file",
      scripts: ["upload.js"],
      body: (
        <>
          <PageHead title="Upload a file" lead="Nothing is stored before you have seen how it is read." />
          <UploadForm />
        </>
      ),
    }),
  );
  await web.api.register(async (api) => {
    // The form goes on as it comes, to the route that keeps it: no file is held in memory.
    api.addContentTypeParser("multipart/form-data", (_request, _body, done) => done(null));
    receive({ ...web, api: api as typeof web.api });
  });
}

function receive(web: Web): void {
  const { uploadTimeoutMs } = web.parts.settings;
  web.api.post(
    "/files/upload",
    {
      config: { ...allowPage(...keepers), bodyTimeoutMs: uploadTimeoutMs },
      handlerTimeout: uploadTimeoutMs + 60_000,
      schema: { hide: true, body: z.unknown() },
    },
    async (request, reply) => {
      const { "content-type": type = "", "content-length": length } = request.headers;
      const headers = { "content-type": type, ...(length === undefined ? {} : { "content-length": length }) };
      try {
        const { body } = await call<{ previewId: string }>(web, request, {
          method: "POST",
          url: previews,
          headers,
          body: request.raw,
        });
        return await reply.code(303).header("location", `/files/preview/${body.previewId}`).send();
      } catch (error) {
        stopReading(request);
        throw error;
      }
    },
  );
}

export function UploadForm() {
  return (
    <form class="panel stack" method="post" action="/files/upload" enctype="multipart/form-data" data-upload>
      <label>
        A file of CSV or JSON, also gzipped
        <input
          type="file"
          name="file"
          required
          accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.gz,text/csv,application/json,application/gzip"
        />
      </label>
      <progress value="0" max="1" hidden aria-label="How much of the file is sent" />
      <p class="field-error" role="alert" hidden />
      <div>
        <button type="submit" class="primary">
          Show how it is read
        </button>
      </div>
    </form>
  );
}
