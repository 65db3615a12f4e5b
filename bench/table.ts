/** Measurements collected by row and column, and as a markdown table with ratios to the first column. */

export class Table {
  /** row -> column -> every value measured. */
  private readonly values = new Map<string, Map<string, number[]>>();

  constructor(
    readonly title: string,
    readonly columns: readonly string[],
    private readonly format: (value: number) => string,
  ) {}

  add(row: string, column: string, value: number): void {
    const columns = this.values.get(row) ?? new Map<string, number[]>();
    this.values.set(row, columns);
    columns.set(column, [...(columns.get(column) ?? []), value]);
  }

  /** Median of what was measured; undefined when nothing was. */
  median(row: string, column: string): number | undefined {
    const sorted = [...(this.values.get(row)?.get(column) ?? [])].sort((a, b) => a - b);
    if (sorted.length === 0) return undefined;
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }

  toMarkdown(): string {
    const header = `| ${this.title} | ${this.columns.join(' | ')} |`;
    const rule = `|---|${this.columns.map(() => '---:|').join('')}`;
    const rows = [...this.values.keys()].map((row) => `| ${row} | ${this.columns.map((column) => this.cell(row, column)).join(' | ')} |`);
    return [header, rule, ...rows].join('\n');
  }

  toJson(): Record<string, Record<string, number | undefined>> {
    const rows = [...this.values.keys()];
    return Object.fromEntries(
      rows.map((row) => [row, Object.fromEntries(this.columns.map((column) => [column, this.median(row, column)]))]),
    );
  }

  private cell(row: string, column: string): string {
    const value = this.median(row, column);
    if (value === undefined) return '-';
    const base = this.median(row, this.columns[0]!);
    const ratio = base === undefined || base === 0 || column === this.columns[0] ? '' : ` (${significant(value / base)}x)`;
    return `${this.format(value)}${ratio}`;
  }
}

/** Two significant digits, no exponent. */
export function significant(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
