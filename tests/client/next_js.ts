// The requests of a browser to the documented Next.js routes, sent to the route handlers directly.

import { GET, POST } from "./handler.js";
import { GET as signed } from "./token.js";

const url = `${process.env.BETTER_AUTH_URL}/api/auth`;
const person = { name: "Ann", email: "ann@example.com", password: "correct horse" };

const answer = await POST(
  new Request(`${url}/sign-up/email`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: new URL(url).origin },
    body: JSON.stringify(person),
  }),
);
const { user } = await answer.json();
const refused = await signed();
const cookie = answer.headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
process.env.COOKIE = cookie;
const own = await GET(new Request(`${url}/token`, { headers: { cookie } }));
const shared = await signed();

console.log(
  JSON.stringify({
    id: user.id,
    refused: refused.status,
    tokens: [(await own.json()).token, (await shared.json()).token],
  }),
);
process.exit();
