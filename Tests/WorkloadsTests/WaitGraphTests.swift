import TestSupport
import Testing
import Workloads

@Suite("What waits for what") struct WaitGraphTests {
    static func piece(_ start: Double, _ end: Double, on instance: Int = 0, cpus: Double = 1) -> WaitGraph.Piece {
        .init(start: start, end: end, instance: instance, resources: Resources(cpus: cpus))
    }

    @Test("a piece waits for the room of what ended last only if there was no other")
    func room() {
        // Two processors: the third piece takes the one that was free first, the fourth needs the other.
        let pieces = [Self.piece(0, 4), Self.piece(0, 6), Self.piece(6, 8), Self.piece(6, 9)]
        let graph = WaitGraph(pieces, results: pieces.map { _ in [] }, capacity: [0: Resources(cpus: 2)])
        #expect(graph.links == [[], [], [.init(0, .room)], [.init(1, .room)]])
        #expect(graph.criticalPath == [1, 3])
        #expect(graph.slacks == [3, 0, 1, 0])
        let roomy = WaitGraph(pieces, results: pieces.map { _ in [] }, capacity: [0: Resources(cpus: 4)])
        #expect(roomy.links == [[], [], [], []])
        #expect(roomy.criticalPath == [3])
    }

    @Test("results that come from elsewhere take their time, and go before room that comes at the same moment")
    func results() {
        let pieces = [Self.piece(0, 5, on: 1), Self.piece(0, 7), Self.piece(7, 9)]
        let graph = WaitGraph(
            pieces, results: [[], [], [.init(0, .result, seconds: 2)]], capacity: [0: Resources(cpus: 1)])
        #expect(graph.binding(2) == .init(0, .result, seconds: 2))
        #expect(graph.criticalPath == [0, 2])
        #expect(graph.slacks == [0, 0, 0])
        // Half the time of the first: the room of the second keeps the third all the same.
        #expect(graph.end(durations: [2.5, 7, 2]) == 9)
        #expect(graph.end(durations: [2.5, 3, 2]) == 6.5)
    }

    @Test("delays stay as they were when times change")
    func delays() {
        let pieces = [Self.piece(1, 3), Self.piece(3.5, 6)]
        let graph = WaitGraph(pieces, results: [[], [.init(0, .result)]])
        #expect(graph.end(durations: [1, 2.5]) == 5)
        #expect(graph.end(durations: [2, 2.5]) == graph.end)
    }

    /// A random schedule: whichever piece can start first does, when its results are there and a processor of its instance
    /// is free.
    static func random(seed: UInt64) -> (pieces: [WaitGraph.Piece], results: [[WaitGraph.Link]]) {
        var generator = TestGenerator(seed: seed)
        let count = 30
        let results = (0..<count).map { index in
            Set((0..<2).compactMap { _ in index > 0 ? Int.random(in: -1..<index, using: &generator) : nil })
                .filter { $0 >= 0 }.sorted().map { WaitGraph.Link($0, .result) }
        }
        let instances = (0..<count).map { _ in Int.random(in: 0..<2, using: &generator) }
        var pieces = [WaitGraph.Piece?](repeating: nil, count: count)
        var free = [[0.0, 0, 0], [0, 0]]
        for _ in 0..<count {
            let starts = (0..<count).filter { index in
                pieces[index] == nil && results[index].allSatisfy { pieces[$0.piece] != nil }
            }.map { index in
                let there = results[index].map { pieces[$0.piece]?.end ?? 0 }.max() ?? 0
                return (start: max(there, free[instances[index]].min() ?? 0), index: index)
            }
            guard let (start, index) = starts.min(by: { $0 < $1 }) else { break }
            let slots = free[instances[index]]
            let end = start + Double(Int.random(in: 1...9, using: &generator))
            free[instances[index]][slots.firstIndex(of: slots.min() ?? 0) ?? 0] = end
            pieces[index] = piece(start, end, on: instances[index])
        }
        return (pieces.compactMap(\.self), results)
    }

    @Test(
        "every piece can end later by its slack and no more, and nothing changes without a change",
        arguments: UInt64(0)..<60)
    func slack(seed: UInt64) {
        let (pieces, results) = Self.random(seed: seed)
        let graph = WaitGraph(pieces, results: results, capacity: [0: Resources(cpus: 3), 1: Resources(cpus: 2)])
        let durations = pieces.map { $0.end - $0.start }
        #expect(graph.end(durations: durations) == graph.end)
        let slacks = graph.slacks
        for piece in pieces.indices {
            var longer = durations
            longer[piece] += slacks[piece]
            #expect(graph.end(durations: longer) == graph.end)
            longer[piece] += 1
            #expect(graph.end(durations: longer) == graph.end + 1)
        }
        let path = graph.criticalPath
        #expect(path.last.map { pieces[$0].end } == graph.end)
        for (a, b) in zip(path, path.dropFirst()) { #expect(pieces[a].end <= pieces[b].start) }
        #expect(path.allSatisfy { slacks[$0] == 0 })
    }

    @Test("no processor is handed on twice", arguments: UInt64(0)..<30)
    func givers(seed: UInt64) {
        let (pieces, results) = Self.random(seed: seed)
        let graph = WaitGraph(pieces, results: results, capacity: [0: Resources(cpus: 3), 1: Resources(cpus: 2)])
        var taken = pieces.map { _ in 0 }
        for (piece, links) in graph.links.enumerated() {
            for link in links where link.reason == .room {
                taken[link.piece] += 1
                #expect(pieces[link.piece].instance == pieces[piece].instance)
            }
        }
        #expect(taken.allSatisfy { $0 <= 1 })
    }
}
