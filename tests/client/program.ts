// What a front end does with the API's types: node program.js URL USER TOKEN.

import createClient from "openapi-fetch";
import type { components, paths } from "./tasks-api";

const [baseUrl = "", user_id = "", token = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const path = { user_id };

function good<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail);
  return answer.data;
}

const made = good(
  await api.POST("/api/{user_id}/tasks", {
    params: { path },
    body: { title: "Buy milk", priority: "high", tags: ["home"], due_date: "2026-12-01" },
  }),
);
const one = { path: { ...path, id: made.id } };

const listed = good(
  await api.GET("/api/{user_id}/tasks", { params: { path, query: { status: "pending", tag: ["home"] } } }),
);
const read = good(await api.GET("/api/{user_id}/tasks/{id}", { params: one }));
const renamed = good(await api.PUT("/api/{user_id}/tasks/{id}", { params: one, body: { title: "Buy oats" } }));
const patched = good(await api.PATCH("/api/{user_id}/tasks/{id}", { params: one, body: { due_date: null } }));
const toggled = good(await api.PATCH("/api/{user_id}/tasks/{id}/complete", { params: one }));
const deleted = good(await api.DELETE("/api/{user_id}/tasks/{id}", { params: one }));
const gone = await api.GET("/api/{user_id}/tasks/{id}", { params: one });
const code: string | undefined = gone.error?.code;

console.log(JSON.stringify({ made, listed, read, renamed, patched, toggled, deleted, code }));
