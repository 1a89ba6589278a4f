// Rows of text as a table: names to the left, figures to the right.

export function table(rows, { names = 1 } = {}) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => (column < names ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join("  ")}`).join("\n");
}

/** Objects as rows under these columns, the first one their names. */
export const under = (columns, objects) => [columns.map((name) => name.replaceAll("_", " ")), ...objects.map((one) => columns.map((name) => String(one[name] ?? "")))];
