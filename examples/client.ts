// A client that is generated from the OpenAPI document:
//   python -m infra.openapi > openapi.json
//   npx openapi-typescript openapi.json --output tercet.d.ts
//   npm install openapi-fetch
import createClient from "openapi-fetch";
import type { components, paths } from "./tercet";

// Without the media types, answers would have the types of server-sent events as well.
const client = createClient<paths, "application/json" | "application/problem+json">({
  baseUrl: process.env.TERCET_URL ?? "http://localhost:8000",
  // With an issuer: { Authorization: `Bearer ${token}` }
  headers: { "X-Tercet-User": "typescript" },
});

const note: components["schemas"]["NoteBody"] = {
  title: "Shifts",
  text: "An on-call shift lasts one week.",
};
const path = { note_id: "shifts" };

const created = await client.PUT("/v1/notes/{note_id}", { params: { path }, body: note });
if (created.error) throw new Error(created.error.detail);

const asked = await client.POST("/v1/assistant/query", {
  body: { query: "How long is an on-call shift?" },
});
if (asked.error) throw new Error(asked.error.detail);
console.log(asked.data.answer, asked.response.headers.get("Cache-Status"));

const deleted = await client.DELETE("/v1/notes/{note_id}", { params: { path } });
console.log(deleted.data?.dropped);
