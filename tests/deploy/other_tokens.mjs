// The service with what it leaves out: links by e-mail, and sessions that are cached in a cookie.

import { createRequire } from "node:module";
import { log, options } from "../../deploy/better-auth/auth.js";

const { resolve } = createRequire(new URL("../../deploy/better-auth/auth.js", import.meta.url));
const { jwt } = await import(resolve("better-auth/plugins"));

options.emailVerification = {
  sendOnSignUp: true,
  sendVerificationEmail: async ({ token }) => log("info", "sent", { token }),
};
const by = process.env.COOKIE_BY;
options.session = { cookieCache: { enabled: true, strategy: by === "keys" ? "jwt" : by } };
options.plugins = [jwt({ sessionCookieCache: by === "keys" })];
await import("../../deploy/better-auth/server.js");
