// The habits of front ends: a bare array, `detail` to show, PUT with one member, toggle without a body.

export default async function ({ url, user, token, stranger }) {
  const json = { "Content-Type": "application/json" };
  const signed = { Authorization: `Bearer ${token}`, ...json };
  const once = { ...signed, "Idempotency-Key": crypto.randomUUID() };

  async function ask(method, path, { headers = signed, body } = {}) {
    const response = await fetch(`${url}/api/${path}`, { method, headers, body, credentials: "include" });
    const shown = ["x-request-id", "location", "link", "retry-after", "www-authenticate"];
    return {
      status: response.status,
      data: await response.json(),
      headers: Object.fromEntries(shown.map((name) => [name, response.headers.get(name)])),
    };
  }

  document.cookie = "theme=dark";
  const tasks = `${user}/tasks`;
  const made = await ask("POST", tasks, {
    headers: once,
    body: JSON.stringify({ title: "Buy milk", description: "two litres" }),
  });
  const one = `${tasks}/${made.data.id}`;
  await ask("POST", tasks, { body: JSON.stringify({ title: "another" }) });

  return {
    made,
    listed: await ask("GET", tasks),
    page: await ask("GET", `${tasks}?limit=1`),
    renamed: await ask("PUT", one, { body: JSON.stringify({ title: "Buy oats" }) }),
    patched: await ask("PATCH", one, { body: JSON.stringify({ priority: "high" }) }),
    completed: await ask("PATCH", `${one}/complete`),
    reopened: await ask("PATCH", `${one}/complete`, { headers: { Authorization: signed.Authorization } }),
    mismatch: await ask("POST", tasks, { headers: once, body: JSON.stringify({ title: "Buy eggs" }) }),
    deleted: await ask("DELETE", one),
    token_missing: await ask("GET", tasks, { headers: json }),
    token_unknown: await ask("GET", tasks, { headers: { Authorization: `Bearer ${stranger}` } }),
    user_mismatch: await ask("GET", "another-user/tasks"),
    task_not_found: await ask("GET", one),
    method_not_allowed: await ask("POST", one),
    body_too_large: await ask("POST", tasks, { body: JSON.stringify({ title: "a".repeat(2_000_000) }) }),
    media_type: await ask("POST", tasks, { headers: { ...signed, "Content-Type": "text/plain" }, body: "a" }),
    validation: await ask("POST", tasks, { body: "{}" }),
  };
}
