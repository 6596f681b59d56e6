// Better Auth's options: e-mail and password, and access tokens by the plugin jwt.

import { readFileSync } from "node:fs";
import { jwt } from "better-auth/plugins";
import { Pool } from "pg";

const ALGORITHMS = ["EdDSA", "ES256", "ES512", "RS256", "PS256"];
const { env } = process;
const { JWT_ALGORITHM: alg, JWT_ROTATION_SECONDS: rotation } = env;

export const origins = (env.CORS_ORIGINS ?? "").split(",").map((each) => each.trim()).filter(Boolean);

export function log(level, event, more = {}) {
  console.log(JSON.stringify({ timestamp: new Date().toISOString(), level, event, ...more }));
}

if (alg && !ALGORITHMS.includes(alg)) exit(`JWT_ALGORITHM must be one of ${ALGORITHMS.join(", ")}.`);
if (rotation && !(rotation > 0)) exit("JWT_ROTATION_SECONDS must be a number of seconds.");

const database = new Pool({ connectionString: required("DATABASE_URL"), max: 5 });
// Without a listener, a lost idle connection would end the process.
database.on("error", (error) => log("warning", "database_connection_lost", { reason: error.message }));

export const options = {
  baseURL: env.BETTER_AUTH_URL || "http://localhost:3000",
  secret: required("BETTER_AUTH_SECRET"),
  database,
  trustedOrigins: origins,
  emailAndPassword: { enabled: true },
  user: { deleteUser: { enabled: true } },
  plugins: [
    jwt({
      jwks: {
        keyPairConfig: alg ? { alg } : undefined,
        rotationInterval: rotation ? Number(rotation) : undefined,
      },
    }),
  ],
  logger: { log: (level, event, cause) => log(level, event, cause && { reason: cause.message }) },
};

function required(name) {
  const file = env[`${name}_FILE`];
  const value = file ? readFileSync(file, "utf8").trim() : env[name];
  return value || exit(`${name} or ${name}_FILE must be set.`);
}

function exit(sentence) {
  console.error(sentence);
  process.exit(1);
}
