import { describe, expect, test } from "vitest";
import { labelsIn } from "../../src/model/labels.ts";
import { checkFiles, errorsOf, filesOf, must } from "../syntax/support.ts";

describe("labels in a file", () => {
  test.each<[string, string, readonly string[]]>([
    ["one a line", "cat\ndog\n", ["cat", "dog"]],
    ["of Windows, with a byte-order mark", "\uFEFFcat\r\ndog\r\n", ["cat", "dog"]],
    ["without an end", "cat\ndog", ["cat", "dog"]],
    ["with an empty one", "cat\n\ndog\n", ["cat", "", "dog"]],
    ["a list of JSON", ' [\n "cat",\n "dog"\n]\n', ["cat", "dog"]],
    ["an object by index, in any order", '{ "1": "dog", "0": "cat" }', ["cat", "dog"]],
    [
      "ImageNet's, with ids of WordNet",
      '{ "0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"] }',
      ["tench", "goldfish"],
    ],
    ["an object by name", '{ "dog": 1, "cat": 0 }', ["cat", "dog"]],
    [
      "a config of transformers",
      '{ "model_type": "convnextv2", "id2label": { "0": "cat", "1": "dog" } }',
      ["cat", "dog"],
    ],
    ["none", "", []],
  ])("%s", (_, text, labels) => {
    expect(labelsIn(text)).toEqual({ labels });
  });

  test.each<[string, string, RegExp]>([
    ["a list that is cut off", '["cat", ', /^as JSON, expected/],
    ["numbers", "[1, 2]", /no text/],
    ["a class twice", '{ "0": "cat", "00": "dog" }', /two of its labels are of class 0/],
    ["a class left out", '{ "0": "cat", "2": "dog" }', /no label of class 1/],
    ["a config without any", '{ "model_type": "convnextv2" }', /no text|no label/],
    ["far too many lines", "\n".repeat(1_000_001), /1000002 lines/],
  ])("%s is told", (_, text, why) => {
    expect(labelsIn(text)).toEqual({ problem: expect.stringMatching(why) });
  });
});

describe("labels of a spec", () => {
  const files = (head: string, more: Readonly<Record<string, string>> = {}) =>
    filesOf({ "input.cnx": `model m { depths [1] dims [8] head ${head} }`, ...more });
  const headOf = (...given: Parameters<typeof files>) => must(checkFiles(files(...given))).models.get("m")?.head;

  test("say how many classes there are", () => {
    expect(headOf('classifier { labels ["cat", "dog"] }')).toEqual({
      kind: "classifier",
      classes: 2,
      labels: ["cat", "dog"],
      problem: "single_label",
    });
  });

  test("are read from a file beside the spec", () => {
    const more = { "sub/labels.txt": "cat\ndog\nowl\n" };
    expect(headOf('classifier { labels "sub/labels.txt"  problem multi_label }', more)).toMatchObject({
      classes: 3,
      labels: ["cat", "dog", "owl"],
      problem: "multi_label",
    });
  });

  test("one class has a probability of its own", () => {
    expect(headOf("classifier { classes 1 }")).toMatchObject({ problem: "multi_label" });
  });

  test.each([
    ["classifier { classes 3  labels [cat, dog] }", "wrong-type"],
    ["classifier { labels 3 }", "wrong-type"],
    ['classifier { labels "gone.txt" }', "import-unreadable"],
    ['classifier { labels "../labels.txt" }', "import-outside"],
    ['classifier { labels "https://localhost/labels.txt" }', "import-path"],
  ])("%s is refused", (head, code) => {
    expect(errorsOf(checkFiles(files(head))).map(one => one.code)).toEqual([code]);
  });

  test.each(["num_classes 3", "problem_type multi_label", 'id2label ["cat"]'])("%s has a name here", field => {
    const [problem] = errorsOf(checkFiles(files(`classifier { ${field} }`)));
    expect(problem?.message).toMatch(/did you mean '(classes|problem|labels)'/);
  });
});
