// Two devices of one user that are offline by turns. It runs in Node.js and in a browser.

import { OfflineTasks, type Shown } from "./sync.js";

export default async function ({ url, token }: { url: string; token: string }) {
  const stored = new Map<string, string>();
  const memory = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
  };
  const storage = globalThis.localStorage ?? memory;
  const open = (name: string) => new OfflineTasks(url, () => token, storage, name);
  const titled = (device: OfflineTasks, title: string) =>
    device.list().find((task) => task.title === title)?.id ?? 0;
  const seen: { [step: string]: Shown[] } = {};

  // What happens before the next batch is sent, and whether its answer is lost.
  const next: { before?: () => Promise<void>; lost?: boolean } = {};
  const answers: string[] = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (where, given) => {
    const { before, lost } = given?.method === "POST" ? next : {};
    if (given?.method === "POST") next.before = next.lost = undefined;
    await before?.();
    const response = await real(where, given);
    answers.push(response.headers.has("Idempotency-Replayed") ? "replayed" : `${response.status}`);
    if (lost) throw new TypeError("The answer is lost.");
    return response;
  };

  const phone = open("phone");
  let laptop = open("laptop");
  phone.create({ title: "Buy milk", tags: ["home"] });
  phone.create({ title: "Call Ann" });
  const milk = titled(phone, "Buy milk");
  phone.update(milk, { priority: "high" });
  seen.offline = phone.list();
  await phone.sync();
  await laptop.sync();
  seen.first = laptop.list();

  // Both change one task while they are offline.
  phone.update(milk, { tags: ["urgent"], title: "Buy oats" });
  laptop.update(titled(laptop, "Buy milk"), { tags: ["home", "shop"], completed: true });
  next.before = () => phone.sync();
  await laptop.sync();
  await phone.sync();
  seen.merged = phone.list();

  // The API makes a task, its answer is lost, and the page is loaded again.
  laptop.create({ title: "Pay rent" });
  next.lost = true;
  const failed = await laptop.sync().then(() => false, () => true);
  laptop = open("laptop");
  await laptop.sync();
  seen.repeated = laptop.list();

  // A task is erased that the laptop still has.
  const ann = titled(phone, "Call Ann");
  phone.delete(ann);
  await phone.sync();
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`${url}/trash/${ann}`, { method: "DELETE", headers });
  await laptop.sync();
  seen.erased = laptop.list();

  // One deletes what the other one changes, and takes it back; one operation is wrong.
  phone.delete(titled(phone, "Pay rent"));
  await phone.sync();
  laptop.update(titled(laptop, "Pay rent"), { priority: "low" });
  laptop.create({ title: "" });
  laptop.create({ title: "Water flowers" });
  await laptop.sync();
  seen.deleted = laptop.list();
  phone.delete(milk);
  phone.restore(milk);
  await phone.sync();
  await laptop.sync();
  return { seen, failed, answers, refused: laptop.refused, phone: phone.list(), laptop: laptop.list() };
}
