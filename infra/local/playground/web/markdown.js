"use strict";
// Renders the Markdown of an answer as elements. No text is parsed as HTML.

const INLINE = /`([^`]+)`|\*\*([^*]+(?:\*[^*]+\*[^*]*)*)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\[(\d+)\]|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/;
const LIST_ITEM = /^( *)(?:[-*+]|(\d+)[.)]) +(.*)$/;
const TABLE_RULE = /^\|?[ :]*-+[-| :]*$/;

/** Render a text's block elements; `cite(n)` returns the link of the citation [n], or null. */
function renderMarkdown(text, cite) {
  const lines = text.split("\n");
  const blocks = [];
  const takeWhile = (matches) => {
    const taken = [];
    while (lines.length && matches(lines[0])) taken.push(lines.shift());
    return taken;
  };
  while (lines.length) {
    const line = lines[0];
    if (/^ *```/.test(line)) {
      lines.shift();
      const code = takeWhile((each) => !/^ *```/.test(each));
      lines.shift();
      blocks.push(wrap("pre", [element("code", code.join("\n"))]));
    } else if (/^#{1,6} /.test(line)) {
      blocks.push(wrap("h3", renderInline(lines.shift().replace(/^#+ +/, ""), cite)));
    } else if (LIST_ITEM.test(line)) {
      blocks.push(...renderLists(takeWhile((each) => LIST_ITEM.test(each)), cite));
    } else if (line.startsWith(">")) {
      const quoted = takeWhile((each) => each.startsWith(">")).map((each) => each.replace(/^> ?/, ""));
      blocks.push(wrap("blockquote", renderMarkdown(quoted.join("\n"), cite)));
    } else if (line.includes("|") && TABLE_RULE.test(lines[1] ?? "")) {
      blocks.push(renderTable(takeWhile((each) => each.includes("|")), cite));
    } else if (/^\s*([-*_])( *\1){2,}\s*$/.test(line) || !line.trim()) {
      lines.shift();
    } else {
      const isText = (each) => each.trim() && !/^( *```|#{1,6} |>)/.test(each) && !LIST_ITEM.test(each);
      blocks.push(wrap("p", renderInline(takeWhile(isText).join("\n"), cite)));
    }
  }
  return blocks;
}

/** Render consecutive items; an item that is indented more than the one before is nested in it. */
function renderLists(lines, cite) {
  const top = [];
  const open = []; // the lists that contain the next item, the innermost last
  for (const line of lines) {
    const [, { length: indent }, start, text] = LIST_ITEM.exec(line);
    while (open.length && open.at(-1).indent > indent) open.pop();
    if (!open.length || open.at(-1).indent < indent) {
      const list = element(start ? "ol" : "ul", "", start ? { start } : {});
      if (open.length) open.at(-1).list.lastChild.append(list);
      else top.push(list);
      open.push({ indent, list });
    }
    open.at(-1).list.append(wrap("li", renderInline(text, cite)));
  }
  return top;
}

function renderTable([head, , ...rows], cite) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|");
  const row = (name, line) => wrap("tr", cells(line).map((cell) => wrap(name, renderInline(cell.trim(), cite))));
  return wrap("table", [row("th", head), ...rows.map((line) => row("td", line))]);
}

function renderInline(text, cite) {
  const nodes = [];
  for (let match; (match = INLINE.exec(text)); text = text.slice(match.index + match[0].length)) {
    nodes.push(text.slice(0, match.index));
    const [whole, code, strong, emphasis, citation, label, href] = match;
    if (code) nodes.push(element("code", code));
    else if (strong) nodes.push(wrap("strong", renderInline(strong, cite)));
    else if (emphasis) nodes.push(wrap("em", renderInline(emphasis, cite)));
    else if (citation) nodes.push(cite(Number(citation)) ?? whole);
    else nodes.push(element("a", label, { href, rel: "noreferrer", target: "_blank" }));
  }
  return [...nodes, text];
}

function wrap(name, children) {
  const created = element(name);
  created.append(...children);
  return created;
}
