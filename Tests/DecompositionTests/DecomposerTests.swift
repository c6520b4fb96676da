import Decomposition
import LinearAlgebra
import ModelFiles
import Reading
import TestSupport
import Testing

@Suite("Decomposer") struct DecomposerTests {
    /// Requests that name their tools plainly, in orders that the words give.
    static func library(_ count: Int, seed: UInt64 = 1) throws -> BreakdownLibrary {
        var generator = SeededGenerator(seed: seed)
        let tools = ["bake", "wash", "paint", "weigh", "grind", "polish", "pack", "ship"]
        var library = BreakdownLibrary()
        for row in 0..<count {
            var (first, second) = (generator.nextInt(below: 7), generator.nextInt(below: 7))
            if first == second { second += 1 }
            (first, second) = (min(first, second), max(first, second))
            library.breakdowns.append(
                try Breakdown(
                    id: "row \(row)", description: "please \(tools[first]) it and then \(tools[second]) item \(row)",
                    steps: [.init(text: tools[first]), .init(text: tools[second])], edges: [.init(0, 1)]))
        }
        return library
    }

    @Test("finds tools that a text names, in their order")
    func namesTools() throws {
        let decomposer = try Decomposer.fit(Self.library(200))
        let result = try decomposer.decompose("please wash it and then pack it")
        #expect(result.steps.map(\.tool) == ["wash", "pack"])
        #expect(result.edges.map { [$0.from, $0.to] } == [[0, 1]])
        #expect(result.steps.allSatisfy { $0.probability > 0.8 && $0.probability <= 1 })
        #expect(result.steps[0].words.contains("wash"))
        #expect(result.nearest.count == 3)
    }

    @Test("beats copying the nearest breakdown on unseen requests, and knows how sure it is")
    func evaluation() throws {
        let result = try DecompositionEvaluation(Self.library(300))
        #expect(result.model.nodeF1 > 0.97)
        #expect(result.model.linkF1 > 0.95)
        #expect(result.orderLinkF1 > 0.95)
        #expect(result.calibrationError < 0.05)
        #expect(result.breakdowns == 300)
    }

    @Test("learns from one breakdown", arguments: ["grind the beans", "beans"])
    func one(text: String) throws {
        let steps = [
            Breakdown.Step(text: "grind the beans", tool: "grind"), Breakdown.Step(text: "brew", tool: "brew"),
        ]
        let library = BreakdownLibrary(breakdowns: [
            try Breakdown(id: "coffee", description: "make coffee of beans", steps: steps, edges: [.init(0, 1)])
        ])
        let result = try Decomposer.fit(library).decompose(text)
        #expect(!result.steps.isEmpty && result.nearest.first?.breakdown.id == "coffee")
    }

    @Test(
        "refuses texts without words and texts of which it knows none",
        arguments: ["", "  \n", "12 + 7", "Я хочу", "仕事"])
    func refuses(text: String) throws {
        let decomposer = try Decomposer.fit(Self.library(30))
        #expect(throws: DecompositionError.self) { try decomposer.decompose(text) }
    }

    @Test("takes a text of ten thousand clauses")
    func long() throws {
        let decomposer = try Decomposer.fit(Self.library(50))
        let text = Array(repeating: "wash it, pack it", count: 5000).joined(separator: ", then ")
        #expect(try !decomposer.decompose(text).steps.isEmpty)
    }

    @Test("is the same twice, and from its file")
    func file() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/model.safetensors"
        let library = try BreakdownLibrary(
            breakdowns: Self.library(60).breakdowns,
            glossary: [.init(tool: "pack", synonyms: ["wrap", "put into boxes"])])
        let (first, second) = (try Decomposer.fit(library), try Decomposer.fit(library))
        try first.modelFile().write(to: path)
        let read = try Decomposer(contentsOf: path)
        for text in ["wash and ship", "put all into boxes", "grind, polish"] {
            let answers = try [first, second, read].map {
                try $0.decompose(text).jobText(name: "x", of: text, source: "y")
            }
            #expect(Set(answers).count == 1)
        }
        #expect(read.library == library)
    }

    @Test("the glossary's words mean its tools")
    func glossary() throws {
        let library = try BreakdownLibrary(
            breakdowns: Self.library(60).breakdowns,
            glossary: [
                .init(tool: "varnish", synonyms: ["lacquer it", "lacquer"], inputs: ["wood"], command: "varnish -a")
            ])
        let result = try Decomposer.fit(library).decompose("please lacquer it")
        let tools = result.steps + result.others
        let varnish = try #require(tools.first { $0.tool == "varnish" })
        #expect(varnish.inputs == ["wood"] && varnish.command == "varnish -a")
    }

    @Test("a library that branches gives graphs that branch, and no cycle")
    func branches() throws {
        var library = BreakdownLibrary()
        for row in 0..<40 {
            let steps = ["fetch", "left", "right", "merge"].map { Breakdown.Step(text: $0) }
            library.breakdowns.append(
                try Breakdown(
                    id: "\(row)", description: "fetch both sides and merge number \(row)", steps: steps,
                    edges: [.init(0, 1), .init(0, 2), .init(1, 3), .init(2, 3)]))
        }
        let result = try Decomposer.fit(library).decompose("fetch both sides and merge")
        #expect(result.steps.map(\.tool).sorted() == ["fetch", "left", "merge", "right"])
        let edges = Set(result.edges.map { result.steps[$0.from].tool + " " + result.steps[$0.to].tool })
        #expect(edges == ["fetch left", "fetch right", "left merge", "right merge"])
    }
}

@Suite("Library of breakdowns") struct BreakdownLibraryTests {
    private func read(_ text: String) throws -> BreakdownLibrary {
        var library = BreakdownLibrary()
        try library.add(ByteSource(bytes: Array(text.utf8), name: "b.jsonl"))
        return library
    }

    @Test("reads breakdowns and glossary, and leaves out edges that follow from others")
    func reads() throws {
        let library = try read(
            """
            {"id": "a", "description": "do it", "steps": [{"id": 7, "tool": "x"}, {"id": "q", "text": "y z"}, {"id": 9, "text": "w"}],
             "edges": [[7, "q"], ["q", 9], [7, 9], [7, 7]], "more": {"a": [1]}}
            {"tool": "x", "synonyms": ["ex"], "outputs": ["bam"]}
            """)
        #expect(library.breakdowns[0].edges == [.init(0, 1), .init(1, 2)])
        #expect(library.breakdowns[0].steps[1].tool == "y z")
        #expect(library.glossary[0].outputs == ["bam"])
    }

    @Test(
        "says where and what is wrong",
        arguments: [
            ("{\"id\": \"a\"}", "b.jsonl:1", "without steps"),
            ("{\"description\": \"d\", \"steps\": []}", "b.jsonl:1", "without steps"),
            ("\n\n{\"description\": \"12\", \"steps\": [{\"tool\": \"x\"}]}", "b.jsonl:3", "without words"),
            ("{\"description\": \"d\", \"steps\": [{}]}", "b.jsonl:1", "a step without words"),
            (
                "{\"description\": \"d\", \"steps\": [{\"id\": 1, \"tool\": \"x\"}, {\"id\": 1, \"tool\": \"y\"}]}",
                "b.jsonl:1", "a second step '1'"
            ),
            (
                "{\"description\": \"d\", \"steps\": [{\"tool\": \"x\"}], \"edges\": [[0, 3]]}", "b.jsonl:1",
                "edge to '3'"
            ),
            (
                "{\"description\": \"d\", \"steps\": [{\"tool\": \"x\"}], \"edges\": [[0]]}", "b.jsonl:1",
                "edge of 1 ends"
            ),
            (
                "{\"description\": \"d\", \"steps\": [{\"tool\": \"x\"}, {\"tool\": \"y\"}], \"edges\": [[0, 1], [1, 0]]}",
                "b.jsonl:1", "in a circle"
            ),
            ("[]", "b.jsonl:1:1", "expected an object"),
        ])
    func refuses(text: String, place: String, what: String) throws {
        let error = #expect(throws: TraceError.self) { try read(text) }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix(place) && message.contains(what), "\(message)")
    }

    @Test("a damaged file is an error, never a crash", arguments: UInt64(0)..<300)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var bytes = Array(
            "{\"description\":\"do it\",\"steps\":[{\"id\":1,\"tool\":\"x\"},{\"tool\":\"y\"}],\"edges\":[[1,1]]}\n"
                .utf8)
        bytes = ByteMutations.apply(&generator, to: bytes)
        var library = BreakdownLibrary()
        do {
            try library.add(ByteSource(bytes: bytes, name: "b"))
            #expect(library.breakdowns.allSatisfy { !$0.steps.isEmpty })
        } catch { #expect(!"\(error)".isEmpty) }
    }
}
