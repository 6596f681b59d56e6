// The service with a user table of another shape, which SHAPE names.

import { options } from "../../deploy/better-auth/auth.js";

const SHAPES = {
  "required field": { user: { additionalFields: { role: { type: "string", required: true } } } },
  "default value": {
    user: { additionalFields: { plan: { type: "string", required: true, defaultValue: "free" } } },
  },
  "optional field": { user: { additionalFields: { nickname: { type: "string", required: false } } } },
  uuid: { advanced: { database: { generateId: "uuid" } } },
  serial: { advanced: { database: { generateId: "serial" } } },
  "renamed model": { user: { modelName: "users" } },
  "renamed field": { user: { fields: { emailVerified: "email_verified" } } },
};
const { user, advanced } = SHAPES[process.env.SHAPE];
options.user = { ...options.user, ...user };
options.advanced = advanced;
await import("../../deploy/better-auth/server.js");
