import Domain
import Testing

@Suite struct RolesTests {
  @Test(
    "One sufficient role is enough, and no role is enough for nothing",
    arguments: [
      (Roles.viewer, Roles.readers, true), (.viewer, .operators, false),
      (.operator, .operators, true), (.admin, .operators, true), (.admin, .readers, true),
      (.device, .readers, false), (.device, .devices, true), (.reviewer, .operators, false),
      ([.viewer, .device], .devices, true), ([], .readers, false), (.viewer, [], false),
    ] as [(Roles, Roles, Bool)]) func suffice(held: Roles, required: Roles, expected: Bool)
  {
    #expect(held.suffice(for: required) == expected)
  }

  @Test("Roles come back in the order of their numbers") func list() {
    #expect(Roles([Role.device, .viewer, .admin, .viewer]).list == [.viewer, .admin, .device])
    #expect(Roles(Role.allCases).list == Role.allCases)
  }
}
