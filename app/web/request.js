// One search as the request that it is: curl, Python, JavaScript. Never with the key itself in it.
import { address, inside } from "./api.js";
import { key } from "./key.js";

const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

// Python's literals differ from JSON's in three words.
function python(value) {
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`)
    .join(", ")}}`;
}

const LANGUAGES = {
  curl: (url, body, secret) =>
    [
      `curl ${shell(url)}`,
      "-H 'Content-Type: application/json'",
      secret && '-H "Authorization: Bearer $API_KEY"',
      `-d ${shell(JSON.stringify(body))}`,
    ]
      .filter(Boolean)
      .join(" \\\n  "),

  Python: (url, body, secret) => `import json
${secret ? "import os\n" : ""}import urllib.request

body = ${python(body)}
request = urllib.request.Request(
    ${JSON.stringify(url)},
    json.dumps(body).encode(),
    {"Content-Type": "application/json"${secret ? ', "Authorization": "Bearer " + os.environ["API_KEY"]' : ""}},
)
with urllib.request.urlopen(request) as answer:
    for hit in json.load(answer)["hits"]:
        print(hit["score"], hit["id"], hit["passage"]["text"])`,

  JavaScript: (url, body, secret) => `const answer = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: { "Content-Type": "application/json"${secret ? ", Authorization: `Bearer ${process.env.API_KEY}`" : ""} },
  body: JSON.stringify(${JSON.stringify(body)}),
});
for (const hit of (await answer.json()).hits) console.log(hit.score, hit.id, hit.passage.text);`,
};

export const code = (language, collection, body) =>
  LANGUAGES[language](address(`${inside(collection)}/search`), body, Boolean(key()));
