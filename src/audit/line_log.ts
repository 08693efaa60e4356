/** The human log as files: one line an event, set aside when large. Losing a line is no failure; half a line is one. */
import { AppendFile, olderFiles, planRotation, rotate } from "../ports/append_file.ts";
import type { FileOps } from "../ports/file_ops.ts";
import { endOfLastLine, linesBackward } from "./lines.ts";

const utf8 = new TextEncoder();

export class LineLog {
  #file: AppendFile | undefined;

  constructor(
    private readonly path: string,
    private readonly ops: FileOps,
    private keepFiles: number,
    private maxBytes: number,
  ) {}

  limits(keepFiles: number, maxBytes: number): void {
    this.keepFiles = keepFiles;
    this.maxBytes = maxBytes;
  }

  /** Adds a line. Not flushed to disk. Throws what the kernel says; the next line tries anew. */
  write(line: string): void {
    const bytes = utf8.encode(line + "\n");
    try {
      let file = this.#open();
      if (file.size > 0 && file.size + bytes.length > this.maxBytes) {
        this.close();
        rotate(this.path, planRotation(olderFiles(this.path, this.ops), this.keepFiles), this.ops);
        file = this.#open();
      }
      file.append(bytes, false);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(): AppendFile {
    if (this.#file && this.ops.idAt(this.path) === this.#file.id) return this.#file;
    this.close();
    const file = new AppendFile(this.path, this.ops);
    try {
      const end = this.#endOfText(file);
      if (end < file.size) file.truncate(end);
    } catch (error) {
      file.close();
      throw error;
    }
    return this.#file = file;
  }

  /** Up to where the file holds whole lines of text: a crash leaves half a line, or zeros. */
  #endOfText(file: AppendFile): number {
    for (const { text, end } of linesBackward(file.file, endOfLastLine(file.file, file.size))) {
      if (!text.includes("\0")) return end;
    }
    return 0;
  }
}
