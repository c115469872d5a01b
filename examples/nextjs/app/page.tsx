"use client";

import { useRef, useState, type FormEvent } from "react";
import { ask } from "./tercet.mjs";

type Turn = { role: "user" | "assistant"; content: string };
type Source = { chunk_id: string; note_id: string; title: string };

const URL = process.env.NEXT_PUBLIC_ASK_URL ?? "http://localhost:8001/api/ask";

/** A conversation about one's own notes; each answer appears while it is written. */
export default function Page() {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [text, setText] = useState("");
  const [sources, setSources] = useState<Source[]>([]);
  const [problem, setProblem] = useState("");
  const running = useRef<AbortController | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const query = String(new FormData(form).get("query"));
    form.reset();
    running.current?.abort();
    const controller = (running.current = new AbortController());
    setProblem("");
    setText("");
    try {
      const question = { query, history: turns };
      for await (const { event, data } of ask(URL, question, { signal: controller.signal })) {
        if (event === "metadata") setSources(data.sources);
        if (event === "delta") setText((before) => before + data.text);
        if (event === "done") {
          setTurns([...turns, { role: "user", content: query }, { role: "assistant", content: data.answer }]);
          setSources(data.sources);
          setText("");
        }
      }
    } catch (error) {
      setText("");
      if (!controller.signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <main>
      <h1>Ask your notes</h1>
      {turns.map((turn, index) => (
        <p key={index}>
          <strong>{turn.role === "user" ? "You" : "Notes"}:</strong> {turn.content}
        </p>
      ))}
      <p aria-live="polite">{text}</p>
      {problem && <p role="alert">{problem}</p>}
      <ul>
        {sources.map((source, index) => (
          <li key={source.chunk_id}>
            [{index + 1}] {source.title || source.note_id}
          </li>
        ))}
      </ul>
      <form onSubmit={submit}>
        <input name="query" aria-label="Question" required maxLength={4000} />
        <button>Ask</button>
      </form>
    </main>
  );
}
