// Rows of figures as text: the first columns are names, figures stand to the right.

/** A list of objects as rows of text under these columns. */
export const table = (columns, rows) => [columns.map((name) => name.replaceAll("_", " ")), ...rows.map((row) => columns.map((name) => String(row[name] ?? "")))];

const isFigure = (text) => /^-?[\d.,]+(?: ?\S{1,2})?$/.test(text);

export function printed(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const figures = lines[0].map((_, column) => lines.slice(1).every((line) => line[column] === "" || isFigure(line[column])));
  return lines.map((line) => `  ${line.map((cell, column) => (figures[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join("  ")}`.trimEnd()).join("\n");
}
