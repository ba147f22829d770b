import { decayOf, emaOf, logBeta } from "./series.js";

const RESPONSES = {
  step: { input: (i, { before }) => (i < before ? 0 : 1), measured: stepMeasured },
  ramp: { input: (i) => i + 1, measured: rampMeasured },
  sine: { input: (i, { omega }) => Math.sin(omega * i), measured: sineMeasured },
};

/**
 * The answer to a "step" (of 0 to 1 at row `before`), a "ramp" 1, 2, ... or a "sine" of `omega` radians a row:
 * {input, mean, told: [{name, measured, theory}]}, the theory that of optimlab.lab.theory.ema and Decay.
 */
export function responseOf(kind, { beta, start = "debiased", steps = 200, before = 20, omega = 0.1 }) {
  const setting = { ...decayOf({ beta }), start, steps, before, omega };
  const input = Float64Array.from({ length: steps }, (_, i) => RESPONSES[kind].input(i, setting));
  const { mean } = emaOf(input, { beta, start });
  return { input, mean, told: RESPONSES[kind].measured(input, mean, setting) };
}

/** 1 - βᵗ. */
export function startMass(decay, t) {
  return t === 0 ? 0 : decay.beta === 0 ? 1 : -Math.expm1(t * logBeta(decay));
}

/** How far the EMA is behind the ramp 1, 2, 3, ... after t rows. */
export function startLag(decay, t, start) {
  const lag = decay.beta / decay.alpha;
  if (start === "debiased") return lag - (decay.beta === 0 ? 0 : t * (1 / startMass(decay, t) - 1));
  return lag * startMass(decay, start === "first" ? t - 1 : t);
}

function stepMeasured(input, mean, { beta, alpha, start, steps, before }) {
  const n = Math.max(1, Math.min(steps - before, Math.round(1 / alpha)));
  const seen = start === "debiased" ? startMass({ beta, alpha }, before + n) : 1;
  const theory = startMass({ beta, alpha }, n) / seen;
  return [{ name: `share after ${n} rows`, measured: mean[before + n - 1], theory }];
}

function rampMeasured(input, mean, { beta, alpha, start, steps }) {
  const measured = input[steps - 1] - mean[steps - 1];
  return [{ name: `lag after ${steps} rows`, measured, theory: startLag({ beta, alpha }, steps, start) }];
}

function sineMeasured(input, mean, { beta, alpha, steps, omega }) {
  const [one, other] = waveOf(mean, Math.floor(steps / 2), omega);
  const [real, imaginary] = [1 - beta * Math.cos(omega), beta * Math.sin(omega)];
  return [
    { name: "amplitude", measured: Math.hypot(one, other), theory: alpha / Math.hypot(real, imaginary) },
    { name: "lag, rows", measured: Math.atan2(-other, one) / omega, theory: Math.atan2(imaginary, real) / omega },
  ];
}

function waveOf(mean, from, omega) {
  let [ss, sc, cc, ys, yc] = [0, 0, 0, 0, 0];
  for (let i = from; i < mean.length; i++) {
    const [s, c] = [Math.sin(omega * i), Math.cos(omega * i)];
    ss += s * s;
    sc += s * c;
    cc += c * c;
    ys += mean[i] * s;
    yc += mean[i] * c;
  }
  const area = ss * cc - sc * sc;
  return [(ys * cc - yc * sc) / area, (yc * ss - ys * sc) / area];
}
