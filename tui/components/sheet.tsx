/** Rows of spans, one below the other, each in exactly the width that is given. */
import { Box } from "ink";
import { merged, type Row } from "../sheet.ts";
import { Line } from "./say.tsx";

export function Sheet({ rows, columns }: { readonly rows: readonly Row[]; readonly columns: number }) {
  return (
    <Box flexDirection="column">
      {rows.map(merged).map(({ spans, tone }, i) => (
        <Line key={i} spans={spans} width={columns} {...(tone ? { tone } : {})} />
      ))}
    </Box>
  );
}
