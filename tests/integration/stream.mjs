// Asks a question and prints each event of the answer as a line of JSON, with its arrival in ms.
const [url, query] = process.argv.slice(2);
const began = performance.now();
const response = await fetch(`${url}/assistant/query`, {
  method: "POST",
  headers: { "X-Tercet-User": "ann", "Content-Type": "application/json", Accept: "text/event-stream" },
  body: JSON.stringify({ query }),
});
let pending = "";
for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
  const blocks = (pending + part).split("\n\n");
  pending = blocks.pop();
  for (const block of blocks) {
    const event = /^event: (.*)\ndata: (.*)$/.exec(block);
    if (event) console.log(JSON.stringify([event[1], JSON.parse(event[2]), performance.now() - began]));
  }
}
