import Foundation
import JobFiles
import LinearAlgebra
import TestSupport
import Testing
import Workloads

@Suite("Workflows of Pegasus") struct PegasusTests {
    private static let text =
        (try? String(contentsOf: URL(filePath: Fixtures.path("graphs/pegasus.yml")), encoding: .utf8)) ?? ""

    @Test("a job waits for its parents and for the writers of its inputs")
    func diamond() throws {
        let job = try JobFile.parse(Self.text, file: "workflow.yml")
        #expect(job.name == "diamond" && job.tasks.count == 4)
        #expect(job.tasks.tasks.map(\.type) == ["preprocess", "findrange", "findrange", "analyze"])
        // The last edge is none of 'jobDependencies', but follows from f.c2.
        #expect(job.tasks["ID0000004"]?.predecessors == ["ID0000002", "ID0000003"])
        #expect(job.tasks.edgeCount == 4)
    }

    @Test(
        "says where and what is wrong",
        arguments: [
            ("pegasus: 5.0\nname: x", "1:1", "'jobs' is missing"),
            ("pegasus: 5.0\njobs: []", "2:7", "a list of jobs"),
            ("pegasus: 5.0\njobs:\n  - {name: a}", "3:5", "no 'id'"),
            ("pegasus: 5.0\njobs:\n  - {id: a}\n  - {id: a}", "4:10", "exists already (line 3)"),
            ("pegasus: 5.0\njobs: [{id: a, uses: [{type: input}]}]", "2:23", "no 'lfn'"),
            ("pegasus: 5.0\njobs: [{id: a, uses: [{lfn: f, type: odd}]}]", "2:38", "'odd'"),
            ("pegasus: 5.0\njobs: [{id: a}]\njobDependencies: [{id: b, children: [a]}]", "3:24", "'b'"),
            ("pegasus: 5.0\njobs: [{id: a}]\njobDependencies: [{id: a, children: [c]}]", "3:38", "'c'"),
            (
                "pegasus: 5.0\njobs: [{id: a}, {id: b}]\njobDependencies: [{id: a, children: [b]}, {id: b, children: [a]}]",
                "2:", "wait"
            ),
        ])
    func refuses(text: String, place: String, what: String) throws {
        let error = #expect(throws: JobFileError.self) { try JobFile.parse(text, file: "w") }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix("w:" + place) && message.contains(what), "\(message)")
    }

    @Test("damage is an error or a job, never a crash", arguments: UInt64(0)..<300)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let damaged = ByteMutations.apply(&generator, to: Array(Self.text.utf8))
        do {
            #expect(try !JobFile.parse(String(decoding: damaged, as: UTF8.self)).tasks.tasks.isEmpty)
        } catch { #expect(!"\(error)".isEmpty) }
    }
}
