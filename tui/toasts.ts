/** Short words about what came of something. */
import type { Model, Toast } from "./model.ts";

const MAX_TOASTS = 3;
/** A key takes away those that were there for so long, time those that were there for longer. */
const READ_MS = 1500;
const GONE_MS: Readonly<Record<Toast["tone"], number>> = { good: 6_000, plain: 6_000, bad: 20_000 };

export function withToast(model: Model, tone: Toast["tone"], text: string): Model {
  const toast: Toast = { id: model.nextToast, tone, text, at: model.now };
  // The same words once more are the same toast.
  const others = model.toasts.filter((one) => one.text !== text);
  return { ...model, toasts: [...others, toast].slice(-MAX_TOASTS), nextToast: model.nextToast + 1 };
}

/** Without those that were there long enough to be read: at a key. */
export function unaged(model: Model): Model {
  const toasts = model.toasts.filter((toast) => model.now - toast.at < READ_MS);
  return toasts.length === model.toasts.length ? model : { ...model, toasts };
}

/** Without those whose time is over. */
export function unexpired(model: Model): Model {
  const toasts = model.toasts.filter((toast) => model.now - toast.at < GONE_MS[toast.tone]);
  return toasts.length === model.toasts.length ? model : { ...model, toasts };
}
