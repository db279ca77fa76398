import { expect, test } from "vitest";
import { sniff } from "../../../src/weights/formats/sniff.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0));

test.each([
  ["<!doctype html><html>", "an HTML page"],
  ["\n  <HTML lang=en>", "an HTML page"],
  ["<head>", "an HTML page"],
  ["<?xml version='1.0'?>", "an HTML page"],
  ["<!-- gone -->", "an HTML page"],
  ["version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"],
  ["PK\x03\x04", "a zip archive"],
  ["PK\x05\x06", "a zip archive"],
  ["\x80\x02}q", "a Python pickle"],
  ["\x80\x05\x95", "a Python pickle"],
  ["\x93NUMPY\x01", "a numpy array"],
  ["\x89HDF\r\n", "an HDF5 file"],
  ["GGUF\x03", "a GGUF file"],
  ["\x1f\x8b\x08", "a gzip file"],
  ['{"weight_map": {}}', "JSON text"],
  ["[ -1, 2]", "JSON text"],
  ["{}", "JSON text"],
])("%j is %s", (text, what) => {
  expect(sniff(bytes(text))?.what).toContain(what);
  expect(sniff(bytes(text))?.hint).not.toBe("");
  // The mark that some editors put first is no part of the text, and half of it is no mark.
  expect(sniff(bytes(`\xef\xbb\xbf${text}`))?.what).toContain(what);
  for (const half of ["\xef\xbb.", "\xef.\xbf", ".\xbb\xbf"]) expect(sniff(bytes(half + text))).toBeNull();
});

test.each(["", "plain <html>", "<p>", "see version https://git-lfs", "\x80\x01", "\x80", "[x", "PK\x03\x05"])(
  "%j is nothing that is known",
  text => expect(sniff(bytes(text))).toBeNull(),
);
