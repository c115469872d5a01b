/**
 * Ask Tercet, and read the answer while it is written.
 *
 * Yields the server-sent events: `metadata` (tier, match, sources), `delta` (text), `done` (the
 * complete response). Throws an `Error` with the problem's detail; then discard the text so far.
 *
 * @param {string} url of Tercet, or of a back end in front of it
 * @param {{query: string, history?: {role: string, content: string}[]}} question
 * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* ask(url, question, { headers = {}, signal } = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "text/event-stream", "Content-Type": "application/json", ...headers },
    body: JSON.stringify(question),
    signal,
  });
  if (!response.ok || !response.body) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `the server answered with status ${response.status}`);
  }
  for await (const { event, data } of readEvents(response.body)) {
    if (event === "error") throw new Error(data.detail);
    yield { event, data };
  }
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
async function* readEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (buffer + value).split("\n\n");
      buffer = blocks.pop() ?? "";
      for (const block of blocks) {
        const lines = block.split("\n");
        const event = lines.find((line) => line.startsWith("event: "))?.slice(7);
        const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
        if (event) yield { event, data: JSON.parse(data.join("\n")) };
      }
    }
  } finally {
    await reader.cancel();
  }
}
