internal import Dispatch
internal import Synchronization

/// Work on several threads whose result does not depend on how many there are.
public enum Parallel {
    /// `body(0)`, …, `body(count - 1)`, computed on up to `threads` threads, in index order.
    ///
    /// Threads take the next index as soon as they are free (put long work first), block rather than spin, and never
    /// share a result: equal bodies give equal arrays on any thread count.
    public static func map<Result: Sendable>(
        count: Int, threads: Int, _ body: @Sendable (Int) -> Result
    ) -> [Result] {
        guard threads > 1, count > 1 else { return (0..<count).map(body) }
        return [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Each index is taken once, so each slot is written once, by one thread.
            nonisolated(unsafe) let slots = buffer.baseAddress
            let next = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    (slots! + index).initialize(to: body(index))
                }
            }
            initialized = count
        }
    }

    /// The same for work that can fail: the error of the lowest failing index is thrown.
    public static func tryMap<Result: Sendable, Failure: Error>(
        count: Int, threads: Int, _ body: @Sendable (Int) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        let results = map(count: count, threads: threads) { index -> Swift.Result<Result, Failure> in
            do throws(Failure) { return .success(try body(index)) } catch { return .failure(error) }
        }
        var values: [Result] = []
        values.reserveCapacity(count)
        for result in results { values.append(try result.get()) }
        return values
    }
}
