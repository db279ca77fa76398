import { beforeEach } from "vitest";

/**
 * Tests that take a second or more: what they say of a changed line, quicker ones of the same folder have to say. And one
 * that reads our own sources, which are others here.
 */
const leftOut = [
  /^every sentence (of these readers has a row|of the reader has a row|about shards)/,
  /^F46: .* > /,
  /^specs and masks, part/,
  /^and so does what the other passes make of both/,
  /^(with GRN per sample an image|kept sites that are exactly zero)/,
  /^random model \d+/,
  /^many unknown names are refused/,
  /^(at ratio|a forward pass has|R06: every plan).* > (femto|pico|nano|tiny|base|large|huge|random)/,
  /^a plan reads back: .* > (atto|tiny|random models [2-5])/,
  /^random masked autoencoder \d\d/,
  /^\d+ broken /,
  /'(F42-million|P41-long4|P18-|P45-|P46-many|P05b-long|P14-overlap)/,
  /^(65,536 strangers|the logarithm|kernels and linear layers|with a standard deviation of its own|a masked autoencoder starts|what is written is read back)/,
  /^(tiny|atto)-\d.*every parameter|^fcmae and official|^the same values from a/,
  /^(agrees with the platform|changes nothing but the look)/,
];

beforeEach(({ task, skip }) => {
  const names = [task.name, `${task.suite?.name} > ${task.name}`];
  if (leftOut.some(pattern => names.some(name => pattern.test(name)))) skip();
});
