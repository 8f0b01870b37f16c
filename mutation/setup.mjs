// What the mutant before left in the process that is kept: it would be active while modules load.
const state = globalThis.__stryker__;
if (state !== undefined) Object.assign(state, { activeMutant: undefined, mutantCoverage: undefined });
