"use strict";
// Shows the OpenAPI document of this server.

let api;

/** Follow a reference within the document. */
function resolve(value) {
  if (!value?.$ref) return value ?? {};
  return value.$ref.slice(2).split("/").reduce((parent, name) => parent[name], api);
}

function block(parent, heading, ...children) {
  if (children.length) parent.append(element("h4", heading), ...children);
}

/** Create a list of terms with their explanations. */
function terms(rows) {
  const list = element("dl");
  for (const [term, text] of rows) list.append(element("dt", term), element("dd", text));
  return list;
}

/** Name the type of a schema: a schema of the document, an array of one, or a JSON type. */
function typeName(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.items) return `array of ${typeName(schema.items)}`;
  return schema.enum ? schema.enum.map((each) => JSON.stringify(each)).join(" | ") : schema.const ? JSON.stringify(schema.const) : (schema.type ?? "any");
}

/** Describe the members of an object's schema. */
function members(schema) {
  const required = new Set(schema.required);
  return terms(
    Object.entries(schema.properties ?? {}).map(([name, each]) => [
      name,
      [typeName(each), required.has(name) ? "" : "optional", each.description ?? ""].filter(Boolean).join(", "),
    ]),
  );
}

/** Show a body's schema and its examples, for each media type. */
function body(parent, heading, { content = {} }) {
  for (const [mediaType, { schema = {}, examples = {} }] of Object.entries(content)) {
    const resolved = resolve(schema);
    parent.append(element("h4", `${heading}: ${mediaType}`));
    if (resolved.description) parent.append(element("p", resolved.description));
    if (resolved.properties) parent.append(members(resolved));
    for (const { summary, value } of Object.values(examples)) {
      parent.append(element("h4", `Example: ${summary}`), element("pre", JSON.stringify(value, null, 2)));
    }
  }
}

function operation(path, method, described) {
  const shown = element("details", "", { class: "operation card", id: described.operationId });
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), { class: "method" }), element("code", path), ` ${described.summary}`);
  shown.append(summary, element("p", described.description ?? ""));
  const scopes = described.security.flatMap((each) => Object.values(each).flat());
  const access = described.security.length ? `A token${scopes.length ? ` with the scope ${scopes.join(", ")}` : ""}.` : "Public.";
  block(shown, "Access", element("p", access));
  const parameters = (described.parameters ?? []).map((each) => [`${each.name} (${each.in})`, each.description ?? typeName(each.schema)]);
  if (parameters.length) block(shown, "Parameters", terms(parameters));
  if (described.requestBody) body(shown, "Request", described.requestBody);
  const responses = Object.entries(described.responses).map(([status, each]) => [status, resolve(each)]);
  block(shown, "Responses", terms(responses.map(([status, { description, headers = {} }]) => [status, [description, ...Object.keys(headers)].join(" · ")])));
  for (const [status, response] of responses) if (status.startsWith("2")) body(shown, `Response ${status}`, response);
  return shown;
}

function show() {
  const main = find("#content");
  main.append(element("p", `${api.info.summary} Version ${api.info.version}.`));
  for (const scheme of Object.values(api.components.securitySchemes)) main.append(element("p", scheme.description));
  for (const { name, description } of api.tags) {
    main.append(element("h2", name), element("p", description));
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, each] of Object.entries(methods)) if (each.tags.includes(name)) main.append(operation(path, method, each));
  }
  const linked = location.hash && document.getElementById(location.hash.slice(1));
  if (linked) linked.open = true;
}

fetch("openapi.json")
  .then((response) => response.json())
  .then((json) => {
    api = json;
    show();
  })
  .catch((error) => showNotice("The API could not be loaded", error.message));
