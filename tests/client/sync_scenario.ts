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

  // What happens before the next batch is sent, and whether its answer is lost; or after it was sent.
  const next: { before?: () => Promise<void>; lost?: boolean; full?: boolean; cut?: boolean } = {};
  let cut = false; // whether reads fail
  const answers: string[] = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (where, given) => {
    const { before, lost, full } = given?.method === "POST" ? next : {};
    if (given?.method === "POST") next.before = next.lost = next.full = undefined;
    else if (cut) throw new TypeError("The network is down.");
    await before?.();
    if (full) return new Response('{"detail": "The database is full."}', { status: 503 });
    const response = await real(where, given);
    if (given?.method === "POST" && next.cut) [cut, next.cut] = [true, false];
    answers.push(response.headers.has("Idempotency-Replayed") ? "replayed" : `${response.status}`);
    if (lost) throw new TypeError("The answer is lost.");
    return response;
  };

  // A new account: the tablet hears of its first task from the batch alone, and the task is deleted elsewhere.
  let tablet = open("tablet");
  tablet.create({ title: "First" });
  next.cut = true;
  await tablet.sync().catch(() => {});
  cut = false;
  const watch = open("watch");
  await watch.sync();
  watch.delete(titled(watch, "First"));
  await watch.sync();
  await tablet.sync();
  seen.ghost = tablet.list();

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

  // It is unknown whether a task was made; then the page is loaded again, and its old id is used.
  tablet.create({ title: "Fly a kite" });
  next.lost = true;
  await tablet.sync().catch(() => {});
  next.full = true;
  await tablet.sync().catch(() => {});
  seen.unknown = tablet.list();
  await tablet.sync();
  await watch.sync();
  const kite = titled(watch, "Fly a kite");
  tablet = open("tablet");
  tablet.delete(-2);
  tablet.delete(-9);
  next.lost = true;
  await tablet.sync().catch(() => {});
  // The delete was applied, and is taken back before it is sent again.
  watch.restore(kite);
  await watch.sync();
  next.full = true;
  await tablet.sync().catch(() => {});
  await tablet.sync();
  seen.undone = tablet.list();
  const unknown = tablet.refused;
  watch.delete(kite);
  await watch.sync();

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
  laptop.update(titled(laptop, ""), { title: "What waits for its id" });
  laptop.create({ title: "Water flowers" });
  await laptop.sync();
  seen.deleted = laptop.list();
  phone.update(milk, { title: "Buy oat milk" });
  phone.delete(milk);
  phone.restore(milk);
  phone.create({ title: "Feed the cat" });
  phone.delete(titled(phone, "Feed the cat"));
  phone.restore(-3);
  seen.restored = phone.list();
  await phone.sync();
  await laptop.sync();

  // Writes are refused for a while, twice: the laptop reads on.
  laptop.create({ title: "Mop" });
  next.full = true;
  await laptop.sync().catch(() => {});
  phone.create({ title: "Sweep" });
  await phone.sync();
  next.full = true;
  await laptop.sync().catch(() => {});
  seen.full = laptop.list();
  await laptop.sync();

  // Nothing names the operation that is refused: its text is half of a surrogate pair, then too long.
  phone.create({ title: "Water the palm" });
  phone.create({ title: "\ud83d" });
  phone.create({ title: "a", description: "d".repeat(2 ** 20) });
  phone.create({ title: "Water the fern" });
  await phone.sync();
  phone.update(12345, { title: "What is not there" });
  await laptop.sync();
  laptop = open("laptop");
  const refused = [...laptop.refused, ...phone.refused];
  phone.forget();
  const left = phone.refused.length;
  return { seen, failed, answers, refused, unknown, left, phone: phone.list(), laptop: laptop.list() };
}
