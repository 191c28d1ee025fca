/**
 * Faults that a test scripts for an embedded part, taken one by one as the named step comes by. `times` may be Infinity, until `clear()`.
 */
export class Faults<Fault extends { at: string }> {
  /** How often each was handed out, by its name: what is scripted may meet nobody. */
  readonly met = new Map<string, number>();
  #planned: { fault: Fault; left: number; name: string }[] = [];
  readonly #held: (() => void)[] = [];

  /** `name`: what it counts as. */
  script(fault: Fault, times = 1, name: string = fault.at): void {
    this.#planned.push({ fault, left: times, name });
  }

  clear(): void {
    this.#planned = [];
    for (const goesOn of this.#held.splice(0)) goesOn();
  }

  /** For a fault that keeps somebody waiting until it is cleared. */
  hold(goesOn: () => void): void {
    this.#held.push(goesOn);
  }

  /** The oldest fault planned for this step, one use of it spent; undefined when the step may simply work. */
  take(step: string): Fault | undefined {
    const planned = this.#planned.find(({ fault }) => fault.at === step || fault.at === '*');
    if (!planned) return undefined;
    planned.left -= 1;
    if (planned.left <= 0) this.#planned = this.#planned.filter((other) => other !== planned);
    this.met.set(planned.name, (this.met.get(planned.name) ?? 0) + 1);
    return planned.fault;
  }
}
