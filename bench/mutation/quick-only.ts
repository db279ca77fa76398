import { beforeEach } from "vitest";

/** Tests that take a second or more: what they say of a changed line, quicker ones of the same folder have to say. */
const slow = [
  /^specs and masks, part/,
  /^and so does what the other passes make of both/,
  /^(with GRN per sample an image|kept sites that are exactly zero)/,
  /^random model \d+/,
  /^many unknown names are refused/,
  /^(agrees with the platform|changes nothing but the look)/,
];

beforeEach(({ task, skip }) => {
  if (slow.some(name => name.test(task.name))) skip();
});
