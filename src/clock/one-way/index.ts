export { type Envelope, type EnvelopeChange, type EnvelopeStretch, readEnvelope } from "./envelope.ts";
