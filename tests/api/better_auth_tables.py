"""The tables of Better Auth that the API depends on, with one existing user."""

BETTER_AUTH = """
CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
  "emailVerified" boolean NOT NULL, image text,
  "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
  "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE TABLE session (id text PRIMARY KEY, token text NOT NULL UNIQUE,
  "userId" text NOT NULL REFERENCES "user"(id) ON DELETE CASCADE);
INSERT INTO "user" VALUES
  ('ann', 'Ann', 'ann@example.com', true, 'a.png', '2025-01-02T03:04:05Z', '2025-01-02T03:04:05Z');
INSERT INTO session VALUES ('1', 'secret', 'ann');
"""
