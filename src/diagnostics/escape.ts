/** Control characters, and what would change the direction of the text around it, as `\u{1b}`. */
export const escapeControls = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Surrogate}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF]/gu,
    character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
