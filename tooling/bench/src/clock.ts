/** Milliseconds of the operating system's monotonic clock, the same in every process; `performance.now` alone counts from the start of each. */
const origin = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const monotonicMilliseconds = (): number => origin + performance.now();
