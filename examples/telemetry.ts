// Metrics and spans of a cache with OpenTelemetry. Replace the in-memory exporters by your own.
import { type CacheEvent, type CacheListener, createCache } from '@ninefold/cache';
import { memoryBackend } from '@ninefold/memory';
import { type Meter, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** Counts hits and misses and records how long each operation takes. Loads, waits and failures are spans as well. */
export function telemetryListener(meter: Meter, tracer: Tracer): CacheListener {
  const keys = meter.createCounter('cache.keys', { description: 'keys read, by hit or miss' });
  const duration = meter.createHistogram('cache.operation.duration', { unit: 's' });
  return (event) => {
    const { backend, operation, durationMs, error } = event;
    const attributes = { 'cache.backend': backend, 'cache.operation': operation };
    duration.record(durationMs / 1000, { ...attributes, 'cache.failed': error !== undefined });
    if (event.hits !== undefined) {
      keys.add(event.hits, { ...attributes, 'cache.hit': true });
      keys.add(event.keys - event.hits, { ...attributes, 'cache.hit': false });
    }
    if (operation === 'load' || operation === 'wait' || operation === 'failure') trace(tracer, event);
  };
}

function trace(tracer: Tracer, { backend, operation, durationMs, error }: CacheEvent): void {
  const end = Date.now();
  const span = tracer.startSpan(`cache ${operation}`, {
    startTime: end - durationMs,
    attributes: { 'cache.backend': backend },
  });
  if (error !== undefined) {
    span.recordException(error as Error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(end);
}

const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metrics });
const meters = new MeterProvider({ readers: [reader] });
const spans = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });

const listener = telemetryListener(meters.getMeter('shop'), tracers.getTracer('shop'));
const cache = createCache(memoryBackend(), { listener });
await Promise.all(Array.from({ length: 3 }, () => cache.getOrSet('answer', async () => 42)));
await cache.getOrSet('answer', async () => 43);
await cache.getOrSet('broken', () => Promise.reject(new Error('no answer'))).catch(() => undefined);
await cache.close();

await reader.forceFlush();
for (const { descriptor, dataPoints } of metrics
  .getMetrics()
  .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))) {
  for (const { attributes, value } of dataPoints) {
    const shown = typeof value === 'number' ? value : value.count;
    console.log(descriptor.name, attributes['cache.operation'], attributes['cache.hit'] ?? '', shown);
  }
}
for (const { name, status } of spans.getFinishedSpans()) console.log(name, SpanStatusCode[status.code]);
await meters.shutdown();
await tracers.shutdown();
