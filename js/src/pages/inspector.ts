import { roomUrl } from "../client/address";
import { join } from "../client/rooms";
import type { Phase } from "../client/status";
import { TappedSession } from "../client/tap";
import { xsrf } from "../client/xsrf";
import { Badge } from "../widgets/badge";
import { element } from "../widgets/control";
import { AccessPanel } from "./access";
import { Detail } from "./detail";
import { Figures } from "./figures";
import { History } from "./history";
import { KeyList } from "./keys";
import { askBeforeLeaving } from "./leaving";
import { Listing } from "./listing";
import { loginLine } from "./login";
import { MessageTap } from "./message_tap";
import { PushForm } from "./pusher";
import { shareButton } from "./share";
import { pathOf, readShell } from "./shell";

const DRAW_MILLISECONDS = 100;
const COUNT_MILLISECONDS = 1_000;
const FIGURES_MILLISECONDS = 3_000;

const shell = readShell();
const session = new TappedSession();
const connection = join(roomUrl(shell.root, shell.room), session);

const feed = new MessageTap();
session.tap = feed;
const figures = new Figures();
const access = new AccessPanel(connection.url);
const keys = new KeyList();
const detail = new Detail(feed);
const history = new History(feed);
const form = new PushForm(session);
const listing = new Listing(session, [""], listed);
let rates = new Map<string, number>();
let phaseBefore: Phase | null = null;

askBeforeLeaving(connection);
document.body.classList.add("inspector");
document.body.append(header(), loginLine(shell, connection), panels());

keys.onChoose = (key) => {
  feed.watch([key]);
  detail.open(key, listing.keys.get(key));
  history.follow(key);
  form.key.value = key;
};
history.onChoose = (heard) => {
  keys.chosen = heard.key;
  keys.show(listing.keys, rates);
  detail.openMessage(heard, listing.keys.get(heard.key));
};
feed.onHeard = (heard) => detail.onMessage(heard);

setInterval(draw, DRAW_MILLISECONDS);
setInterval(count, COUNT_MILLISECONDS);
setInterval(askFigures, FIGURES_MILLISECONDS);
setInterval(() => document.hidden || access.refresh(), FIGURES_MILLISECONDS);
connection.listeners.add(() => {
  const { phase } = connection.status;
  if (phase === "connected" && phaseBefore !== phase) void askFigures(); // this page is counted, too
  phaseBefore = phase;
});

function header(): HTMLElement {
  const bar = element("header", "top");
  const title = element("h1", "title", {}, "Inspector");
  const badge = new Badge({ room: shell.room, connection, leave: () => {} });
  const tools = element("nav", "tools", { "aria-label": "This room" });
  const page = element("a", "button");
  page.href = shell.root + pathOf(shell.room);
  page.textContent = "Room page";
  tools.append(shareButton(shell, pathOf(shell.room, "page")), page);
  bar.append(title, badge.element, tools, figures.element);
  return bar;
}

function panels(): HTMLElement {
  const main = element("main", "panels");
  const push = element("details", "panel push");
  const title = element("summary", "", {}, "Push by hand");
  push.append(title, form.element);
  main.append(keys.element, detail.element, push, access.element, history.element);
  return main;
}

function listed(): void {
  feed.watch(listing.keys.keys());
  figures.keys(listing.keys.size);
  keys.show(listing.keys, rates);
  if (detail.key !== null) detail.listed(listing.keys.get(detail.key));
}

let drawn = 0;

function draw(): void {
  const now = feed.count + feed.losses;
  if (document.hidden || drawn === now) return;
  drawn = now;
  detail.draw();
  history.draw();
}

let counted = { at: performance.now(), count: 0, length: 0, tallies: new Map<string, number>() };

/** How much came since the last time, a second. */
function count(): void {
  const at = performance.now();
  const seconds = (at - counted.at) / 1000;
  const perSecond = (amount: number) => Math.round(amount / seconds);
  figures.second(perSecond(feed.count - counted.count), perSecond(feed.length - counted.length));
  const tallies = new Map<string, number>();
  const before = rates;
  rates = new Map();
  for (const [key, count] of feed.tallies) {
    tallies.set(key, count);
    rates.set(key, perSecond(count - (counted.tallies.get(key) ?? 0)));
  }
  const { count: all, length } = feed;
  const quiet = all === counted.count && [...before.values()].every((rate) => rate === 0);
  counted = { at, count: all, length, tallies };
  if (!quiet) keys.show(listing.keys, rates);
}

async function askFigures(): Promise<void> {
  if (document.hidden) return;
  try {
    const answer = await fetch(`${connection.url}/figures`, { headers: xsrf(connection.url) });
    const told = (await answer.json()) as {
      connections: number;
      server?: string;
      behind_seconds?: number;
      trouble?: string;
    };
    figures.connections(told.connections);
    if (told.server) figures.server(told.server, told.behind_seconds ?? 0, told.trouble ?? "");
  } catch {
    // The badge tells that the server can't be reached.
  }
}
